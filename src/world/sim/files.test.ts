import { SimClock } from "./clock.ts";
import { SimDisk } from "./disk.ts";
import { filesContract } from "./files-contract.ts";
import { simRandom } from "./random.ts";

filesContract("simulated files", async () => {
  const disk = new SimDisk(new SimClock(), simRandom(1));
  disk.plantFolder("/spool");
  return {
    files: disk.files(),
    folder: "/spool",
    plantSymlink: async (path) => disk.plantSymlink(path),
    dispose: async () => {},
  };
});
