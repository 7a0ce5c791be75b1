/** A list of addresses as a setting has it, with the files that it names. */
import { addressLines, listedFile } from "../../../config/address-entries.ts";
import type { FileContents } from "../../../config/named-files.ts";
import { CidrFault, CidrList } from "../../../lib/cidr.ts";

export class AddressList {
  readonly #source: string;
  readonly #blocks: CidrList | null;

  private constructor(source: string, blocks: CidrList | null) {
    this.#source = source;
    this.#blocks = blocks;
  }

  /** `previous` is used again when it says the same: 100,000 blocks take 30 ms to read. */
  static of(
    entries: readonly string[],
    files: FileContents,
    previous: AddressList | null,
  ): AddressList {
    const lists = entries.map((entry) => {
      const path = listedFile(entry);
      return path === null ? entry : (files[path] ?? null);
    });
    if (lists.includes(null)) return new AddressList("", null);
    const source = lists.join("\n");
    if (previous?.isKnown === true && previous.#source === source) return previous;
    const blocks = CidrList.parse(addressLines(source));
    return new AddressList(source, blocks instanceof CidrFault ? null : blocks);
  }

  /** False when a part of it could not be read: nobody may pass by it. */
  get isKnown(): boolean {
    return this.#blocks !== null;
  }

  contains(address: string): boolean {
    return this.#blocks?.contains(address) ?? false;
  }
}
