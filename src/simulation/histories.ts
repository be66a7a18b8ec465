/** The histories of a mirror: one, until a person forces. Each is known by the lineages of its reigns. */
import type { JournalElement, MemberDisk } from './member-disk.ts';

export class History {
  /** The newest epoch, and who is its primary. */
  epoch = 0;
  owner = '';
  /** What may not be lost, in the order of the acknowledgements. */
  acked: JournalElement[];
  newestAcked: JournalElement | null;

  constructor(acked: JournalElement[]) {
    this.acked = acked;
    this.newestAcked = newestOf(acked);
  }

  reign(epoch: number, owner: string): void {
    this.epoch = Math.max(this.epoch, epoch);
    this.owner = owner;
  }

  acknowledged(element: JournalElement): void {
    this.acked.push(element);
    if (this.newestAcked === null || isNewer(element, this.newestAcked)) this.newestAcked = element;
  }

  /** These are lost with the disk that had them, and the newest reign of which anybody knows is this one. */
  forget(lost: ReadonlySet<JournalElement>, epoch: number, owner: string): void {
    this.acked = this.acked.filter((element) => !lost.has(element));
    this.newestAcked = newestOf(this.acked);
    this.epoch = epoch;
    this.owner = owner;
  }
}

function newestOf(elements: readonly JournalElement[]): JournalElement | null {
  let newest = elements[0] ?? null;
  for (const element of elements) if (newest !== null && isNewer(element, newest)) newest = element;
  return newest;
}

function isNewer({ position: a }: JournalElement, { position: b }: JournalElement): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.sequence > b.sequence);
}

export class Histories {
  readonly #byLineage = new Map<string, History>();

  get all(): ReadonlySet<History> {
    return new Set(this.#byLineage.values());
  }

  get count(): number {
    return this.all.size;
  }

  of(lineage: string): History | undefined {
    return this.#byLineage.get(lineage);
  }

  /** What a forced member lacks is lost by the order; what it has is kept from here on. */
  begin(lineage: string, disk: MemberDisk, acked: readonly JournalElement[]): History {
    const history = new History(acked.filter((element) => disk.holds(element, disk.flushed)));
    this.#byLineage.set(lineage, history);
    return history;
  }

  /** A reign that nobody forced belongs to the history of the one before. */
  goOn(history: History, lineage: string): void {
    this.#byLineage.set(lineage, history);
  }
}
