/**
 * What the builder of a statement may ask: the server's settings, and names that
 * other lines declare, before or after it. An unknown name is a complaint here.
 */
import type { MdaWrapper } from "./action.ts";
import type { ComplaintList } from "./complaint.ts";
import type { Settings } from "./config.ts";
import type { BuildContext } from "./config-source.ts";
import type { Filter } from "./filter.ts";
import type { OAuth } from "./oauth.ts";
import type { Ca, Pki } from "./pki.ts";
import type { FilterOperand, Word } from "./syntax.ts";
import type { TableStore } from "./table-store.ts";

export interface BuildScope {
  readonly context: BuildContext;
  readonly complaints: ComplaintList;
  readonly tables: TableStore;
  readonly settings: Settings;
  /**
   * Whether to tell where a line means less than in OpenSMTPD: not under `compat
   * opensmtpd`, and not in a file that says `compat none` itself.
   */
  readonly tellsDifferences: boolean;
  /** These are undefined after a complaint. */
  pki(name: Word): Pki | undefined;
  ca(name: Word): Ca | undefined;
  oauth(name: Word): OAuth | undefined;
  wrapper(name: Word): MdaWrapper | undefined;
  /** Filters of an unnamed chain, which holds no chain itself; or the one that is named. */
  filters(operand: FilterOperand): readonly Filter[] | undefined;
}
