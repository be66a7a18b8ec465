/** A world that is being changed: each change leaves the pieces it does not touch as they are. */
import type { MemberState } from '../../mirror/member-state.ts';
import type { Call, Connection, Disk, Frame, Host, Node, Process, Who, World } from './plain-world.ts';

function withOne<T>([a, b, c]: readonly [T, T, T], who: Who, changed: T): readonly [T, T, T] {
  if (who === 0) return [changed, b, c];
  return who === 1 ? [a, changed, c] : [a, b, changed];
}

export class Draft {
  world: World;

  constructor(world: World) {
    this.world = world;
  }

  // Pieces of the world.

  node(who: Who): Node {
    return this.world.nodes[who];
  }

  process(who: Who): Process | null {
    return this.world.nodes[who].process;
  }

  set(changes: Partial<World>): void {
    this.world = { ...this.world, ...changes };
  }

  setNode(who: Who, changes: Partial<Node>): void {
    this.set({ nodes: withOne(this.world.nodes, who, { ...this.world.nodes[who], ...changes }) });
  }

  setDisk(who: Who, changes: Partial<Disk>): void {
    this.setNode(who, { disk: { ...this.node(who).disk, ...changes } });
  }

  setProcess(who: Who, changes: Partial<Process>): void {
    const { process } = this.node(who);
    if (process !== null) this.setNode(who, { process: { ...process, ...changes } });
  }

  /** Changes the times in a state, before a step to which time has come. */
  setState(who: Who, changes: Partial<MemberState>): void {
    const { process } = this.node(who);
    if (process !== null) this.setProcess(who, { state: { ...process.state, ...changes } });
  }

  /** In the order of the agents, so that it makes no difference which was asked first. */
  setCall(who: Who, call: Call): void {
    const others = this.world.calls[who].filter(({ of }) => of !== call.of);
    const calls = others.length === 0 ? [call] : [...others, call].sort((a, b) => a.of - b.of);
    this.set({ calls: withOne(this.world.calls, who, calls) });
  }

  dropCall(who: Who, of: Who): void {
    const calls = this.world.calls[who].filter((call) => call.of !== of);
    this.set({ calls: withOne(this.world.calls, who, calls) });
  }

  // Connections.

  connection(id: number): Connection | undefined {
    return this.world.connections.find((candidate) => candidate.id === id);
  }

  connect(from: Host, to: Host): number {
    const id = this.world.nextConnection;
    const connection: Connection = { id, ends: [from, to], open: [true, true], queues: [[], []] };
    this.set({ connections: [...this.world.connections, connection], nextConnection: id + 1 });
    return id;
  }

  setConnection(changed: Connection): void {
    const { connections } = this.world;
    const rest = changed.open[0] || changed.open[1];
    this.set({
      connections: rest
        ? connections.map((entry) => (entry.id === changed.id ? changed : entry))
        : connections.filter((entry) => entry.id !== changed.id),
    });
  }

  push(id: number, from: Host, frame: Frame): void {
    const entry = this.connection(id);
    if (entry === undefined) return;
    const side = entry.ends[0] === from ? 0 : 1;
    if (!entry.open[side] || !entry.open[1 - side]) return;
    const [first, second] = entry.queues;
    this.setConnection({
      ...entry,
      queues: side === 0 ? [[...first, frame], second] : [first, [...second, frame]],
    });
  }

  /** Takes the first frame that waits for this end. */
  shift(id: number, to: Host): Frame | undefined {
    const entry = this.connection(id);
    if (entry === undefined) return undefined;
    const [first, second] = entry.queues;
    const isForSecond = entry.ends[1] === to;
    const frame = (isForSecond ? first : second)[0];
    this.setConnection({ ...entry, queues: isForSecond ? [first.slice(1), second] : [first, second.slice(1)] });
    return frame;
  }

  /** Closes one end; what it has not read is gone, what it has sent is still under way. */
  closeEnd(id: number, end: Host): void {
    const entry = this.connection(id);
    if (entry === undefined) return;
    const side = entry.ends[0] === end ? 0 : 1;
    const open: [boolean, boolean] = side === 0 ? [false, entry.open[1]] : [entry.open[0], false];
    const queues: [readonly Frame[], readonly Frame[]] = side === 0 ? [entry.queues[0], []] : [[], entry.queues[1]];
    this.setConnection({ ...entry, open, queues });
  }

  /** A process is gone: its ends are closed. */
  closeAllOf(host: Host): void {
    for (const entry of this.world.connections) if (entry.ends.includes(host)) this.closeEnd(entry.id, host);
  }
}
