// Puts a `.br` beside every text file of the build, which the server sends to browsers that take it.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const folder = new URL("../dist/", import.meta.url).pathname;
for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !/\.(js|css|html|svg|webmanifest)$/.test(entry.name)) continue;
  const path = join(entry.parentPath, entry.name);
  const content = await readFile(path);
  const packed = brotliCompressSync(content, {
    params: { [constants.BROTLI_PARAM_QUALITY]: content.length > 400_000 ? 9 : 11 },
  });
  if (packed.length < content.length) await writeFile(`${path}.br`, packed);
}
