/**
 * Loaded into smtpd before all else, has it believe that there are BENCH_CORES cores: it
 * starts a dispatcher less than that. What the system has stays as it is.
 */
import { syncBuiltinESMExports } from "node:module";
import os from "node:os";

os.availableParallelism = () => Number(process.env["BENCH_CORES"]);
syncBuiltinESMExports();
