/** The histories of a mirror: one, until a person forces. Each is known by the lineage of its epochs. */
import type { JournalElement, MemberDisk } from './member-disk.ts';

export class History {
  readonly lineage: string;
  /** The newest epoch, and who is its primary. */
  epoch = 0;
  owner = '';
  /** What may not be lost, in the order of the acknowledgements. */
  readonly acked: JournalElement[];
  newestAcked: JournalElement | null;

  constructor(lineage: string, acked: JournalElement[]) {
    this.lineage = lineage;
    this.acked = acked;
    this.newestAcked = acked.at(-1) ?? null;
  }

  reign(epoch: number, owner: string): void {
    this.epoch = Math.max(this.epoch, epoch);
    this.owner = owner;
  }

  acknowledged(element: JournalElement): void {
    this.acked.push(element);
    const newest = this.newestAcked?.position;
    const { epoch, sequence } = element.position;
    const isNewest = newest === undefined || epoch > newest.epoch || sequence > newest.sequence;
    if (isNewest) this.newestAcked = element;
  }
}

export class Histories {
  readonly #histories = new Map<string, History>();

  get count(): number {
    return this.#histories.size;
  }

  of(lineage: string): History | undefined {
    return this.#histories.get(lineage);
  }

  /** What a forced member lacks is lost by the order; what it has is kept from here on. */
  begin(lineage: string, disk: MemberDisk, acked: readonly JournalElement[]): void {
    const kept = acked.filter((element) => disk.holds(element, disk.flushed));
    this.#histories.set(lineage, new History(lineage, kept));
  }
}
