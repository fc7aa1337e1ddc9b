/**
 * smtpd(8): the daemon. Its program is in smtpd-main.ts, and is loaded once a SIGHUP is heard:
 * until then it would end the process.
 */
import { StartSignals } from "./start-signals.ts";

const signals = new StartSignals(process);
const { main } = await import("./smtpd-main.ts");
process.exitCode = await main(process.argv.slice(2), signals);
