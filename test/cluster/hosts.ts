/**
 * Hosts as network namespaces on one bridge, and the faults of the network between them. Every frame from host to host
 * passes the bridge, so one rule set there says what is lost, and one transaction changes it: cuts of several links are one
 * event. The machine's own namespace is a host of the network, too: the one applications run on.
 *
 * All this lives in a namespace that run.sh makes for the whole run and that ends with it, whatever happens.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export type HostLabel = 'A' | 'B' | 'C' | 'X';
/** `client` is the host of the applications. */
export type Place = HostLabel | 'client';
export type Direction = readonly [from: Place, to: Place];

export const hostLabels: readonly HostLabel[] = ['A', 'B', 'C', 'X'];
const lastNumbers: Readonly<Record<Place, number>> = { A: 11, B: 12, C: 13, X: 14, client: 20 };

/** Why there can be no hosts here; null when there can. */
export function whyNoHosts(): string | null {
  const { CARETMIRROR_HOSTS: said } = process.env;
  return said === 'possible' ? null : (said ?? 'start these tests with "npm run test:cluster"');
}

export class Network {
  /** Two jest workers have two networks; names of interfaces have 15 characters at most. */
  readonly #worker = process.env.JEST_WORKER_ID ?? '1';
  readonly #table = `faults${this.#worker}`;
  readonly #slow: ChildProcess[] = [];

  addressOf(place: Place): string {
    return `10.91.${this.#worker}.${lastNumbers[place]}`;
  }

  /** Of the private network between the members, on the same wires. */
  privateAddressOf(label: HostLabel): string {
    return `10.92.${this.#worker}.${lastNumbers[label]}`;
  }

  /** What runs a program on a host: to be put before it. */
  on(label: HostLabel): readonly string[] {
    return ['nsenter', `--net=/run/netns/${this.#namespace(label)}`];
  }

  /** A network of an earlier test file of this worker that was not removed is removed first. */
  make(): void {
    this.remove();
    const bridge = this.#bridge;
    ip('link', 'add', bridge, 'type', 'bridge');
    ip('link', 'set', bridge, 'up');
    ip('link', 'add', this.#client, 'type', 'veth', 'peer', 'name', this.#port('client'));
    ip('link', 'set', this.#port('client'), 'master', bridge, 'up');
    ip('addr', 'add', `${this.addressOf('client')}/24`, 'dev', this.#client);
    ip('link', 'set', this.#client, 'up');
    for (const label of hostLabels) this.#makeHost(label);
    nft(`table bridge ${this.#table} {
      set cuts { type ifname . ifname; }
      set closed { type ifname . ifname . inet_service; }
      set hidden { type ifname . ifname . ipv4_addr; }
      chain forward {
        type filter hook forward priority 0; policy accept;
        iifname . oifname @cuts drop
        iifname . oifname . tcp dport @closed drop
        oifname . iifname . tcp sport @closed drop
        iifname . oifname . ip daddr @hidden drop
      }
    }`);
  }

  #makeHost(label: HostLabel): void {
    const namespace = this.#namespace(label);
    ip('netns', 'add', namespace);
    ip('link', 'add', this.#port(label), 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    ip('link', 'set', this.#port(label), 'master', this.#bridge, 'up');
    this.#address(label);
  }

  #address(label: HostLabel): void {
    const namespace = this.#namespace(label);
    for (const address of [this.addressOf(label), this.privateAddressOf(label)])
      ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
  }

  /** Nothing passes in these directions from now on; neither end is told. */
  cut(directions: readonly Direction[]): void {
    if (directions.length > 0) nft(`add element bridge ${this.#table} cuts { ${this.#elements(directions)} }`);
  }

  mend(directions: readonly Direction[]): void {
    for (const direction of directions) {
      // One that was not cut is an error of nft and none of ours.
      spawnSync('nft', [`delete element bridge ${this.#table} cuts { ${this.#elements([direction])} }`]);
    }
  }

  /** What one host dials at this port of the other is lost, and the answers too; other ports are not touched. */
  closePort(from: Place, to: Place, port: number): void {
    nft(`add element bridge ${this.#table} closed { "${this.#port(from)}" . "${this.#port(to)}" . ${port} }`);
  }

  /** The two reach each other by their other addresses only: nothing passes to the private ones. */
  cutPrivate(a: HostLabel, b: HostLabel): void {
    nft(`add element bridge ${this.#table} hidden { ${this.#hidden(a, b)} }`);
  }

  mendPrivate(a: HostLabel, b: HostLabel): void {
    nft(`delete element bridge ${this.#table} hidden { ${this.#hidden(a, b)} }`);
  }

  #hidden(a: HostLabel, b: HostLabel): string {
    const way = (from: HostLabel, to: HostLabel) =>
      `"${this.#port(from)}" . "${this.#port(to)}" . ${this.privateAddressOf(to)}`;
    return `${way(a, b)}, ${way(b, a)}`;
  }

  /** Every connection between the two is reset; new ones can be made at once. */
  reset(a: HostLabel, b: HostLabel): void {
    mustRun('nsenter', [...this.on(a).slice(1), 'ss', '--kill', 'dst', this.addressOf(b)]);
  }

  /**
   * One in so many of the frames that come from slow hosts for slow hosts is lost at random, but no segment of TCP twice: by chance one in
   * 8,000 is lost three times on end at 5 %, and then TCP itself is silent for longer than 75 % of most QoS timeouts.
   */
  loseOneIn(frames: number): void {
    for (const { stdin } of this.#slow) stdin?.write(`${frames}\n`);
  }

  loseNone(): void {
    this.loseOneIn(0);
  }

  /** No cut, no loss, every cable in its socket. */
  healAll(): void {
    nft(`flush set bridge ${this.#table} cuts`);
    nft(`flush set bridge ${this.#table} closed`);
    nft(`flush set bridge ${this.#table} hidden`);
    this.loseNone();
    for (const label of hostLabels) this.plug(label);
  }

  /** The cable of a host is pulled out: its own interface has no carrier. */
  unplug(label: HostLabel): void {
    ip('link', 'set', this.#port(label), 'down');
  }

  plug(label: HostLabel): void {
    ip('link', 'set', this.#port(label), 'up');
  }

  /** Processes that run on a host. */
  pidsOn(label: HostLabel): readonly number[] {
    const out = ip('netns', 'pids', this.#namespace(label));
    return out.split('\n').filter(Boolean).map(Number);
  }

  /**
   * Every frame from and to these hosts takes so long, each way. For the life of the network: their cables are replaced by
   * taps, and a program of our own carries the frames (this kernel has no netem).
   */
  async delay(labels: readonly HostLabel[], ms: number): Promise<void> {
    const taps = labels.flatMap((label) => [this.#port(label), this.#far(label)]);
    for (const label of labels) ip('link', 'del', this.#port(label));
    const child = spawn('perl', [slowCable, String(ms), ...taps], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#slow.push(child);
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('exit', (code) => reject(new Error(`the slow cable ended with code ${code}`)));
    });
    for (const label of labels) {
      const namespace = this.#namespace(label);
      ip('link', 'set', this.#far(label), 'netns', namespace);
      ip('-n', namespace, 'link', 'set', this.#far(label), 'name', 'eth0');
      ip('link', 'set', this.#port(label), 'master', this.#bridge, 'up');
      this.#address(label);
    }
  }

  remove(): void {
    for (const child of this.#slow.splice(0)) child.stdin?.end();
    for (const label of hostLabels) spawnSync('ip', ['netns', 'del', this.#namespace(label)]);
    for (const label of hostLabels) spawnSync('ip', ['link', 'del', this.#port(label)]);
    spawnSync('ip', ['link', 'del', this.#client]);
    spawnSync('ip', ['link', 'del', this.#bridge]);
    spawnSync('nft', [`delete table bridge ${this.#table}`]);
  }

  get #bridge(): string {
    return `cm${this.#worker}`;
  }

  get #client(): string {
    return `cm${this.#worker}client`;
  }

  #namespace(label: HostLabel): string {
    return `cm${this.#worker}-${label.toLowerCase()}`;
  }

  #port(place: Place): string {
    return `cm${this.#worker}p${place === 'client' ? 'cl' : place.toLowerCase()}`;
  }

  #far(label: HostLabel): string {
    return `cm${this.#worker}f${label.toLowerCase()}`;
  }

  #elements(directions: readonly Direction[]): string {
    return directions.map(([from, to]) => `"${this.#port(from)}" . "${this.#port(to)}"`).join(', ');
  }
}

const slowCable = fileURLToPath(new URL('slow-cable.pl', import.meta.url));

function ip(...args: readonly string[]): string {
  return mustRun('ip', args);
}

function nft(script: string): void {
  mustRun('nft', [script]);
}

function mustRun(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, [...args], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}
