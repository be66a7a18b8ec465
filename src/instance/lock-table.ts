/**
 * LOCK: advisory locks on names of globals, in the memory of the primary alone, gone with it. A lock on a name holds the name,
 * everything below it and everything above it against others; shared locks hold only against exclusive ones. Counted: what was
 * locked twice is unlocked twice. Not for data: nobody who does not lock is kept from anything.
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
}

export class LockTable<Owner extends object> {
  readonly #root: Name<Owner> = newName();
  readonly #held = new Map<Owner, LockWant[]>();
  /** In the order of their coming; each is granted as soon as nothing held stands against it. */
  #waiters: Waiter<Owner>[] = [];
  #grants = true;

  /** False: everybody waits, and what is held is held. */
  set grants(grants: boolean) {
    this.#grants = grants;
    this.#grant();
  }

  /** Takes all of them or nothing; false = somebody else holds one. */
  tryLock(owner: Owner, wants: readonly LockWant[]): boolean {
    if (!this.#grants || wants.some((want) => this.#isAgainst(owner, want))) return false;
    const held = this.#held.get(owner) ?? [];
    this.#held.set(owner, held);
    for (const want of wants) {
      held.push(want);
      this.#count(owner, want, 1);
    }
    return true;
  }

  /** `granted` is called once when the locks are taken, unless the function returned is called before. */
  wait(owner: Owner, wants: readonly LockWant[], granted: () => void): () => void {
    const waiter = { owner, wants, granted };
    this.#waiters.push(waiter);
    return () => {
      this.#waiters = this.#waiters.filter((each) => each !== waiter);
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
      this.#count(owner, want, -1);
    }
    if (held.length === 0) this.#held.delete(owner);
    this.#grant();
  }

  heldBy(owner: Owner): readonly LockWant[] {
    return [...(this.#held.get(owner) ?? [])];
  }

  /** Does it hold something, or wait for it? */
  knows(owner: Owner): boolean {
    return this.#held.has(owner) || this.#waiters.some((each) => each.owner === owner);
  }

  /** The owner is gone, and so is what it waits for. */
  forget(owner: Owner): void {
    this.#waiters = this.#waiters.filter((each) => each.owner !== owner);
    this.unlock(owner, this.heldBy(owner));
  }

  #grant(): void {
    for (const waiter of [...this.#waiters]) {
      if (!this.#waiters.includes(waiter) || !this.tryLock(waiter.owner, waiter.wants)) continue;
      this.#waiters = this.#waiters.filter((each) => each !== waiter);
      waiter.granted();
    }
  }

  #isAgainst(owner: Owner, { path, shared }: LockWant): boolean {
    let name = this.#root;
    for (const step of path) {
      const next = name.children.get(step);
      if (next === undefined) return false;
      name = next;
      if (hasOther(name.exclusive, owner) || (!shared && hasOther(name.shared, owner))) return true;
    }
    return hasOther(name.exclusiveBelow, owner) || (!shared && hasOther(name.sharedBelow, owner));
  }

  #count(owner: Owner, { path, shared }: LockWant, by: 1 | -1): void {
    let name = this.#root;
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
