/**
 * What a person decides by, counted: each fact keeps the number of its last change. A command that was assessed at one number is refused
 * at another only where a fact that it rests on has changed since, and the refusal says which (FO-074, FO-075, FO-087, CFG-069).
 */
import type { MemberRole, MemberState } from '../mirror/member-state.ts';
import type { MemberDefinition, MirrorSet } from '../mirror/mirror-set.ts';
import type { MemberName } from '../mirror/terms.ts';
import type { CommandName } from '../protocol/control-commands.ts';

/** Numbers of one life of a member are none of another's: what was shown before a restart is not confirmed after it. */
const numbersOfALife = 10_000;

type Value = string | number | boolean | null;

interface Fact {
  readonly read: (state: MemberState) => Value;
  /** How it is now, in words. */
  readonly say: (state: MemberState) => string;
}

const roleNow: Readonly<Record<MemberRole, string>> = {
  starting: 'this member starts',
  seeking: 'this member looks for a primary',
  attached: 'this member follows a primary',
  becoming: 'this member is becoming primary',
  primary: 'this member is primary',
  'handing-over': 'this member hands over its role',
  stopped: 'mirroring is stopped on this member',
  halted: 'this member has halted',
  down: 'this member is down',
};

const facts: readonly Fact[] = [
  { read: ({ role }) => role, say: ({ role }) => roleNow[role] },
  {
    read: ({ attachment }) => attachment?.to ?? null,
    say: ({ attachment }) => {
      if (attachment === null) return 'this member is connected with no primary';
      return attachment.asking ? `${attachment.to} is asked whether it is primary` : `the primary is ${attachment.to}`;
    },
  },
  {
    read: ({ record }) => record.epoch.number,
    say: ({ record }) => `epoch ${record.epoch.number} has begun`,
  },
  {
    read: ({ record }) => record.wasActive?.term ?? null,
    say: ({ record }) =>
      record.wasActive === null ? 'this member is no active backup' : 'this member became an active backup',
  },
  {
    read: ({ record }) => record.noFailover,
    say: ({ record }) => `no failover is ${record.noFailover ? 'set' : 'cleared'}`,
  },
  {
    read: ({ record }) => record.removed !== null,
    say: () => 'this member is removed from the mirror',
  },
  {
    read: ({ serving }) => serving.trouble?.kind ?? null,
    say: ({ serving }) => `the primary is ${serving.trouble === null ? 'not' : 'now'} in trouble state`,
  },
  {
    read: ({ settings }) => settings.failoverMembers.join(' and '),
    say: ({ settings }) => `the failover members are ${settings.failoverMembers.join(' and ')}`,
  },
];

interface KnownMember {
  readonly type: string;
  readonly changedAt: number;
}

export class SituationCount {
  #number = 0;
  /** The first of this life. */
  #first = 0;
  #state: MemberState | null = null;
  readonly #known: { value: Value; changedAt: number }[] = [];
  #set: readonly MemberDefinition[] = [];
  #members = new Map<MemberName, KnownMember>();
  #aloneChangedAt = 0;
  #databases = { names: '', changedAt: 0 };

  get number(): number {
    return this.#number;
  }

  /** After every step. */
  observe(state: MemberState, { members }: Pick<MirrorSet, 'members'>): void {
    const firstOfLife = state.record.incarnation * numbersOfALife + 1;
    const next = Math.max(this.#number + 1, firstOfLife);
    const isFirst = this.#first < firstOfLife;
    this.#state = state;
    let changed = isFirst;
    facts.forEach(({ read }, index) => {
      const value = read(state);
      if (!isFirst && this.#known[index]?.value === value) return;
      this.#known[index] = { value, changedAt: next };
      changed = true;
    });
    if (members !== this.#set && this.#takeMembers(members, next)) changed = true;
    if (isFirst) this.#first = next;
    if (changed) this.#number = next;
  }

  /** The mirrored databases here; to be told before a number is given or compared. */
  observeDatabases(databases: readonly string[]): void {
    const names = databases.join(', ');
    if (this.#databases.names === names) return;
    this.#number += 1;
    this.#databases = { names, changedAt: this.#number };
  }

  /**
   * What has changed since that number of what the command rests on; empty = nothing. `member` is whom it is about besides this one:
   * that somebody else is gone by now is what a removal wants, and its outcome says so.
   */
  changesSince(number: number, command: CommandName, member?: MemberName): readonly string[] {
    const state = this.#state;
    if (state === null || number < this.#first || number > this.#number) {
      return ['its number is of no situation since this member was started'];
    }
    const changed = facts.filter((_, index) => (this.#known[index]?.changedAt ?? 0) > number);
    const said = changed.map(({ say }) => say(state));
    const about = member === undefined ? undefined : this.#members.get(member);
    if (about !== undefined && about.changedAt > number) said.push(`${member} is in the mirror as ${about.type}`);
    if (command === 'remove-mirror' && this.#aloneChangedAt > number) {
      said.push(this.#members.size === 1 ? 'this is the only member' : 'the mirror has other members');
    }
    if (command === 'remove-mirror' && this.#databases.changedAt > number) {
      said.push(`its mirrored databases are ${this.#databases.names || 'none'}`);
    }
    return said;
  }

  /** True = something that a person may have been shown is not so any more. */
  #takeMembers(members: readonly MemberDefinition[], next: number): boolean {
    this.#set = members;
    const before = this.#members;
    this.#members = new Map(
      members.map(({ name, type }) => {
        const known = before.get(name);
        return [name, known?.type === type ? known : { type, changedAt: next }];
      }),
    );
    if ((before.size === 1) !== (members.length === 1)) this.#aloneChangedAt = next;
    const isNew = [...this.#members.values()].some(({ changedAt }) => changedAt === next);
    return isNew || before.size !== this.#members.size;
  }
}
