/** One question over HTTP, bounded in every way. */

export interface HttpRequest {
  /**
   * http: or https:; over https: the server must show a certificate that the system's
   * authorities vouch for, or those of the question.
   */
  readonly url: string;
  /** From the first packet to the last byte. */
  readonly timeoutMs: number;
  /** An answer with more is none. */
  readonly maxBytes: number;
}

export interface HttpQuestion extends HttpRequest {
  readonly body: Uint8Array;
  readonly type: string;
  /** The field of that name, of which nothing is in an answer; undefined: none is sent. */
  readonly authorization: string | undefined;
  /** Who must vouch for an https: server, in PEM; undefined: whom the system trusts. */
  readonly authorities: string | undefined;
}

export type HttpAnswer =
  | { readonly kind: "answer"; readonly body: Uint8Array }
  /** Over https: the server's certificate is not the one that was to be; `why` as of a fault. */
  | { readonly kind: "untrusted"; readonly why: string }
  /** The server has answered, with another status or type than was to be, or with too much. */
  | { readonly kind: "unfit"; readonly why: string }
  /** No answer. One line, of the system or of ours; holds no bytes of the peer. */
  | { readonly kind: "fault"; readonly why: string };

/** Where the name of a host may lead: "public" leaves out our own network and machine. */
export type HostReach = "anywhere" | "public";

export interface Http {
  /** POST; any answer but 2xx is unfit. No redirection is followed. Never rejects. */
  post(question: HttpQuestion): Promise<HttpAnswer>;

  /** GET, in the same way, but only 200 is an answer; one of another type than `type`, parameters aside, is unfit. */
  get(request: HttpRequest, type: string): Promise<HttpAnswer>;
}
