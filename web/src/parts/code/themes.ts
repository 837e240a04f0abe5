/** The colours of code. It stands for `@pierre/theming/themes` in the whole build, as `languages` does for its module. */
const loaders: Record<string, () => Promise<{ default: unknown }>> = {
  "github-light-high-contrast": () => import("@shikijs/themes/github-light-high-contrast"),
  "github-dark-high-contrast": () => import("@shikijs/themes/github-dark-high-contrast"),
};

export const themes = {
  getTheme: (name: string) => {
    const load = loaders[name];
    return load && { name, load };
  },
};
