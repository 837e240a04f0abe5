/** Stands for parts of libraries that are never asked for. */
export const themes = {};
export default {};
