/**
 * LOCK: advisory locks on names of globals, in the memory of the primary alone, gone with it. A lock on a name holds the name,
 * everything below it and everything above it against others; shared locks hold only against exclusive ones. Counted: what was
 * locked twice is unlocked twice. Not for data: nobody who does not lock is kept from anything.
 *
 * Who holds nothing stands behind everybody that already waits for something of the same, so that shared locks one after the other
 * do not keep an exclusive one waiting for ever. Who holds something only waits for what is held: behind those who wait for him he
 * would wait for ever. So what waits in the queue is waited for only by those who hold nothing, and the queue adds no deadlock.
 */
export interface LockWant {
  /** Database, global, subscript by subscript. */
  readonly path: readonly string[];
  readonly shared: boolean;
}

/** One name; `below` counts what is held anywhere under it. */
interface Name<Owner> {
  readonly children: Map<string, Name<Owner>>;
  readonly exclusive: Map<Owner, number>;
  readonly shared: Map<Owner, number>;
  readonly exclusiveBelow: Map<Owner, number>;
  readonly sharedBelow: Map<Owner, number>;
}

interface Waiter<Owner> {
  readonly owner: Owner;
  readonly wants: readonly LockWant[];
  readonly granted: () => void;
  /** It has got its locks, or wants them no more. */
  isOver: boolean;
}

export class LockTable<Owner extends object> {
  readonly #root: Name<Owner> = newName();
  /** What those who wait want. */
  #queued: Name<Owner> = newName();
  readonly #held = new Map<Owner, LockWant[]>();
  /** In the order of their coming. */
  #waiters: Waiter<Owner>[] = [];
  #grants = true;
  #isGranting = false;
  #grantAgain = false;

  /** False: everybody waits, and what is held is held. */
  set grants(grants: boolean) {
    this.#grants = grants;
    this.#grant();
  }

  /** Takes all of them or nothing; false = somebody else holds one. */
  tryLock(owner: Owner, wants: readonly LockWant[]): boolean {
    if (!this.#mayTake(owner, wants)) return false;
    this.#take(owner, wants);
    return true;
  }

  #mayTake(owner: Owner, wants: readonly LockWant[]): boolean {
    if (!this.#grants || wants.some((want) => isAgainst(this.#root, owner, want))) return false;
    return this.#held.has(owner) || !wants.some((want) => isAgainst(this.#queued, owner, want));
  }

  #take(owner: Owner, wants: readonly LockWant[]): void {
    const held = this.#held.get(owner) ?? [];
    this.#held.set(owner, held);
    for (const want of wants) {
      held.push(want);
      count(this.#root, owner, want, 1);
    }
  }

  /** `granted` is called once when the locks are taken, unless the function returned is called before. */
  wait(owner: Owner, wants: readonly LockWant[], granted: () => void): () => void {
    const waiter = { owner, wants, granted, isOver: false };
    this.#waiters.push(waiter);
    for (const want of wants) count(this.#queued, owner, want, 1);
    // Counted twice otherwise.
    if (this.#isGranting) this.#grantAgain = true;
    return () => {
      if (waiter.isOver) return;
      waiter.isOver = true;
      this.#grant();
    };
  }

  /** What is not held is left out. */
  unlock(owner: Owner, wants: readonly LockWant[]): void {
    const held = this.#held.get(owner);
    if (held === undefined) return;
    for (const want of wants) {
      const at = held.findIndex((each) => each.shared === want.shared && samePath(each.path, want.path));
      if (at < 0) continue;
      held.splice(at, 1);
      count(this.#root, owner, want, -1);
    }
    if (held.length === 0) this.#held.delete(owner);
    this.#grant();
  }

  heldBy(owner: Owner): readonly LockWant[] {
    return [...(this.#held.get(owner) ?? [])];
  }

  /** Does it hold something, or wait for it? */
  knows(owner: Owner): boolean {
    return this.#held.has(owner) || this.#waiters.some((each) => each.owner === owner && !each.isOver);
  }

  /** The owner is gone, and so is what it waits for. */
  forget(owner: Owner): void {
    const its = this.#waiters.filter((each) => each.owner === owner);
    for (const waiter of its) waiter.isOver = true;
    const held = this.heldBy(owner);
    if (held.length > 0) this.unlock(owner, held);
    else if (its.length > 0) this.#grant();
  }

  /** Whoever is told may lock, unlock and leave at once: then it is gone through once more. */
  #grant(): void {
    this.#grantAgain = true;
    if (this.#isGranting) return;
    this.#isGranting = true;
    while (this.#grantAgain) {
      this.#grantAgain = false;
      this.#grantInOrder();
    }
    this.#isGranting = false;
  }

  #grantInOrder(): void {
    this.#queued = newName();
    const left: Waiter<Owner>[] = [];
    // Those who come meanwhile stand at the end.
    for (const waiter of this.#waiters) {
      if (waiter.isOver) continue;
      const { owner, wants } = waiter;
      if (this.#mayTake(owner, wants)) {
        this.#take(owner, wants);
        waiter.isOver = true;
        waiter.granted();
        continue;
      }
      left.push(waiter);
      for (const want of wants) count(this.#queued, owner, want, 1);
    }
    this.#waiters = left;
  }
}

function isAgainst<Owner>(root: Name<Owner>, owner: Owner, { path, shared }: LockWant): boolean {
  let name = root;
  for (const step of path) {
    const next = name.children.get(step);
    if (next === undefined) return false;
    name = next;
    if (hasOther(name.exclusive, owner) || (!shared && hasOther(name.shared, owner))) return true;
  }
  return hasOther(name.exclusiveBelow, owner) || (!shared && hasOther(name.sharedBelow, owner));
}

function count<Owner>(root: Name<Owner>, owner: Owner, { path, shared }: LockWant, by: 1 | -1): void {
  let name = root;
  const way: { readonly parent: Name<Owner>; readonly step: string; readonly name: Name<Owner> }[] = [];
  path.forEach((step, index) => {
    const parent = name;
    const child = parent.children.get(step) ?? newName<Owner>();
    parent.children.set(step, child);
    name = child;
    way.push({ parent, step, name });
    const isIt = index === path.length - 1;
    if (isIt) add(shared ? child.shared : child.exclusive, owner, by);
    else add(shared ? child.sharedBelow : child.exclusiveBelow, owner, by);
  });
  for (const { parent, step, name: each } of way.reverse()) if (isFree(each)) parent.children.delete(step);
}

function newName<Owner>(): Name<Owner> {
  return {
    children: new Map(),
    exclusive: new Map(),
    shared: new Map(),
    exclusiveBelow: new Map(),
    sharedBelow: new Map(),
  };
}

function isFree<Owner>(name: Name<Owner>): boolean {
  return name.children.size === 0 && name.exclusive.size === 0 && name.shared.size === 0;
}

function hasOther<Owner>(owners: ReadonlyMap<Owner, number>, owner: Owner): boolean {
  return owners.size > (owners.has(owner) ? 1 : 0);
}

function add<Owner>(owners: Map<Owner, number>, owner: Owner, by: 1 | -1): void {
  const count = (owners.get(owner) ?? 0) + by;
  if (count === 0) owners.delete(owner);
  else owners.set(owner, count);
}

function samePath(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((step, index) => step === b[index]);
}
