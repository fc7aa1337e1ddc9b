/**
 * crypt(3) of the system's libcrypt, which knows the hashes that Node.js does not.
 *
 * Loaded when the first hash is made: a native addon is outside Node's permission model.
 * `crypt_r` runs on the addon's own threads; the memory that it works in is ours until
 * it has returned.
 *
 * Source: crypt(3) of libxcrypt; glibc's own libcrypt has the same interface.
 */
import { type Lookup, ABSENT, found } from "#base/lookup.ts";

/** sizeof(struct crypt_data) is 32768 in libxcrypt, and 128 KiB and some in glibc's. */
const CRYPT_DATA_BYTES = 160 * 1024;
const LIBRARIES: readonly string[] = ["libcrypt.so.1", "libcrypt.so.2"];

type CryptR = (
  password: string,
  setting: string,
  memory: Uint8Array,
  done: (error: Error | null, hash: string | null) => void,
) => void;

let loading: Promise<CryptR | Error> | undefined;

/** Never rejects. */
export async function crypt(password: string, setting: string): Promise<Lookup<string>> {
  loading ??= load();
  const cryptR = await loading;
  if (cryptR instanceof Error) return { kind: "unavailable", cause: cryptR };
  const memory = new Uint8Array(CRYPT_DATA_BYTES);
  const { promise, resolve } = Promise.withResolvers<Lookup<string>>();
  cryptR(password, setting, memory, (error, hash) => {
    // The password stands in there.
    memory.fill(0);
    if (error !== null) resolve({ kind: "unavailable", cause: error });
    // crypt(3): a hash that begins with * is no hash.
    else resolve(hash === null || hash.startsWith("*") ? ABSENT : found(hash));
  });
  return promise;
}

async function load(): Promise<CryptR | Error> {
  try {
    const { default: koffi } = await import("koffi");
    const library = firstLoaded((name) => koffi.load(name));
    const cryptR = library.func(
      "const char *crypt_r(const char *key, const char *setting, void *data)",
    );
    return (password, setting, memory, done) => cryptR.async(password, setting, memory, done);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return new Error(`crypt(3) cannot be loaded: ${why}`);
  }
}

function firstLoaded<Loaded>(open: (name: string) => Loaded): Loaded {
  const faults: unknown[] = [];
  for (const name of LIBRARIES) {
    try {
      return open(name);
    } catch (error) {
      faults.push(error);
    }
  }
  throw faults[0];
}
