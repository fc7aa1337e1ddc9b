/** The package for npm, unpacked beside the package that it imports: nothing is bundled there. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { test } from "node:test";
import { unlessStartable } from "./daemon.ts";
import { greeted } from "./greeting.ts";
import { endOf, run, unlessInstalled } from "./peer-program.ts";
import { MAIL_USER, Scratch } from "./scratch.ts";

const skip = (await unlessStartable()) || unlessInstalled("npm");
const CHECKOUT = new URL("../..", import.meta.url).pathname;

const IMPORTED: readonly string[] = ["@koromix", "koffi"];
const RUNTIME = /^node-linux-/u;

/** As `npm install` lays it out, with the packages of this checkout. @returns where the programs are. */
async function unpacked(scratch: Scratch): Promise<string> {
  const pack = ["npm", "pack", "--silent", "--prefix", CHECKOUT, CHECKOUT];
  const packed = await run([...pack, "--pack-destination", scratch.folder]);
  assert.equal(packed.code, 0, packed.output);
  const modules = `${scratch.folder}/node_modules`;
  mkdirSync(modules);
  // Those that are real folders there: what a process may read is told by where they are.
  for (const name of IMPORTED)
    cpSync(`${CHECKOUT}node_modules/${name}`, `${modules}/${name}`, { recursive: true });
  for (const name of readdirSync(`${CHECKOUT}node_modules`).filter((each) => RUNTIME.test(each)))
    symlinkSync(`${CHECKOUT}node_modules/${name}`, `${modules}/${name}`);
  const [name = ""] = /^\S+\.tgz$/mu.exec(packed.output) ?? [];
  const tar = ["tar", "-xzf", `${scratch.folder}/${name}`];
  const { code, output } = await run([...tar, "-C", modules]);
  assert.equal(code, 0, output);
  const ours = `${modules}/postrider`;
  assert.equal((await run(["mv", `${modules}/package`, ours])).code, 0);
  return `${ours}/bin`;
}

test("npm's package has plain JavaScript, manuals, and programs that run", { skip }, async () => {
  await using scratch = new Scratch();
  const programs = await unpacked(scratch);
  assert.ok(!existsSync(`${programs}/../src`), "has no sources");
  const manifest = readFileSync(`${programs}/../package.json`, "utf8");
  const { man } = JSON.parse(manifest) as { man: readonly string[] };
  assert.ok(man.length > 0);
  for (const page of man) assert.ok(existsSync(`${programs}/../${page}`), page);
  const licenses = readFileSync(`${programs}/../lib/LICENSES`, "utf8");
  for (const name of ["re2js", "dns-packet"]) assert.match(licenses, new RegExp(`/${name}$`, "mu"));
  assert.ok(!existsSync(`${CHECKOUT}lib`), "leaves nothing in the checkout");
  const maildir = scratch.mailFolder("mail");
  const socketPath = `${scratch.folder}/in.sock`;
  const config = [
    `listen on socket "${socketPath}"`,
    `action "local" maildir "${maildir}/box" user ${MAIL_USER}`,
    'match from any for domain "b.example" action "local"',
  ];
  writeFileSync(`${scratch.folder}/smtpd.conf`, `${config.join("\n")}\n`);
  const words = ["-d", "-f", `${scratch.folder}/smtpd.conf`, "--state", `${scratch.folder}/state`];
  const daemon = spawn(`${programs}/smtpd`, words, { stdio: ["ignore", "ignore", "inherit"] });
  scratch.use({
    async [Symbol.asyncDispose]() {
      daemon.kill();
      await endOf(daemon);
    },
  });
  await greeted({ path: socketPath });
  const smtp = [`${programs}/smtp`, "-s", socketPath, "-F", "a@a.example", "ben@b.example"];
  const sent = await run(smtp, "Subject: packed\n\nhello\n");
  assert.equal(sent.code, 0, sent.output);
  const shown = await run([`${programs}/mailq`, "--state", `${scratch.folder}/state`]);
  assert.equal(shown.code, 0, shown.output);
});
