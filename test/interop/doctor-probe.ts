/**
 * Runs `smtpctl doctor` in a network of its own, where the name server announces policies of MTA-STS
 * and never says where they are: `doctor-probe.ts SMTPCTL WORD…`. Prints for how many
 * milliseconds the program has stayed after its last line.
 */
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { decode, encode } from "dns-packet";

const server = createSocket("udp4", (question, { address, port }) => {
  const { id, questions = [] } = decode(question);
  const [asked] = questions;
  if (asked === undefined || asked.name.startsWith("mta-sts.")) return;
  const { name, type } = asked;
  const isPolicy = name.startsWith("_mta-sts.") && type === "TXT";
  const data = "v=STSv1; id=1;";
  const answer = encode({
    type: "response",
    id: id ?? 0,
    flags: isPolicy ? 0 : 3,
    questions,
    answers: isPolicy ? [{ type: "TXT", name, ttl: 60, data }] : [],
  });
  server.send(answer, port, address);
});
server.bind(53, "127.0.0.1");
await once(server, "listening");
const [program = "", ...words] = process.argv.slice(2);
const child = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] });
let said = "";
let lastMs = 0;
child.stdout.on("data", (some: Buffer) => {
  said += some.toString();
  lastMs = performance.now();
});
await once(child, "exit");
if (!said.includes("could not be fetched")) throw new Error(`No policy was asked for: ${said}`);
process.stdout.write(`${Math.round(performance.now() - lastMs)}\n`);
server.close();
