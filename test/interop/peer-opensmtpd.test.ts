/** OpenSMTPD and the real daemon exchange mail, each way. */
import { unlessStartable } from "./daemon.ts";
import { testExchange } from "./peer-exchange.ts";
import { startOpenSmtpd, unlessOpenSmtpd } from "./peer-opensmtpd.ts";

testExchange("OpenSMTPD", (await unlessStartable()) || (await unlessOpenSmtpd()), startOpenSmtpd);
