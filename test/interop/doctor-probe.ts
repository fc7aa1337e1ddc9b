/**
 * Runs `smtpctl doctor` in a network of its own, where the name server announces policies of MTA-STS
 * and never says where they are: `doctor-probe.ts SMTPCTL WORD…`. Prints for how many
 * milliseconds the program has stayed after its last line.
 */
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";

/** RFC 1035 §4.1: flags and counts of an answer with one record, and of one that there is no such name. */
const ONE_RECORD = Buffer.from("85800001000100000000", "hex");
const NO_NAME = Buffer.from("85830001000000000000", "hex");
const HEADER_BYTES = 12;
const TXT = 16;
/** The name of the question, TXT, IN, 60 seconds, and 15 octets: one text of 14. */
const POLICY = Buffer.from("c00c001000010000003c000f0e", "hex");
const POLICY_TEXT = Buffer.from("v=STSv1; id=1;");

const server = createSocket("udp4", (asked, { address, port }) => {
  const nameEnd = asked.indexOf(0, HEADER_BYTES);
  const name = asked.toString("latin1", HEADER_BYTES + 1, nameEnd);
  if (name.startsWith("mta-sts")) return;
  const isPolicy = name.startsWith("_mta-sts") && asked.readUInt16BE(nameEnd + 1) === TXT;
  const question = asked.subarray(HEADER_BYTES, nameEnd + 5);
  const answer = isPolicy ? [ONE_RECORD, question, POLICY, POLICY_TEXT] : [NO_NAME, question];
  server.send(Buffer.concat([asked.subarray(0, 2), ...answer]), port, address);
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
