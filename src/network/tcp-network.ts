/**
 * The real network: TCP between hosts, local sockets between programs of one host. Heart beats and silence are the
 * protocol's affair; here only what the system itself reports is seen.
 *
 * In a lab every host's `links` say which port to dial instead of another host's address, so that the lab's cable can be
 * cut (cable.ts). They are read anew at each dial.
 */
import { createConnection, createServer, isIP, type Server, type Socket } from 'node:net';
import type { Address } from '../mirror/mirror-set.ts';
import { HostNames } from './host-names.ts';
import { localSocketPlace } from './local-socket.ts';
import {
  AddressInUseError,
  AddressUnavailableError,
  type Connection,
  type Listener,
  type LocalSocketFiles,
  type Network,
  UnreachableError,
} from './network.ts';
import { readAccepted, SocketReading } from './socket-reading.ts';
import { TcpConnection } from './tcp-connection.ts';

/** A peer that vanished without a word is found by the system after this, where no heart beats run. */
const KEEP_ALIVE_MS = 60_000;
/** A local listener that lives takes a connection at once. */
const STALE_CHECK_MS = 2000;

export interface TcpNetworkOptions {
  readonly files: LocalSocketFiles;
  /** From host:port to the address to dial instead. */
  readonly links?: () => ReadonlyMap<string, Address>;
  /** Own address, from which to dial; left out where the other end cannot be reached from it (loopback to elsewhere). */
  readonly localAddress?: string;
  /** Who knows addresses of names; left out = the system. */
  readonly names?: HostNames;
}

export function createTcpNetwork(options: TcpNetworkOptions): Network {
  const { names = new HostNames() } = options;
  return {
    listen: async (address, port, onConnection) => {
      const host = address === '*' ? undefined : address;
      const server = makeServer(onConnection, (socket) =>
        printAddress(plain(socket.remoteAddress ?? ''), socket.remotePort ?? 0),
      );
      await bind(server, { port, ...(host === undefined ? {} : { host }) }, printAddress(address, port));
      const bound = server.address();
      return listener(server, address, typeof bound === 'object' && bound !== null ? bound.port : port);
    },
    listenLocal: async (wanted, onConnection) => {
      const { path, directory } = localSocketPlace(wanted);
      options.files.makePrivateDirectory(directory);
      await removeStale(path, options.files);
      const server = makeServer(onConnection, () => path);
      await bind(server, { path }, path);
      return listener(server, path, 0);
    },
    dial: async (host, port, timeoutMs) => {
      const name = printAddress(host, port);
      const target = options.links?.().get(name) ?? { host, port };
      const from = sourceAddress(options.localAddress, target.host);
      const reading = new SocketReading();
      const { onread } = reading;
      const where = { ...target, lookup: names.lookup, ...(from === null ? {} : { localAddress: from }) };
      const socket = createConnection({ ...where, onread });
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      return await connected(socket, reading, name, timeoutMs);
    },
    dialLocal: async (wanted, timeoutMs) => {
      const { path, directory, replaced } = localSocketPlace(wanted);
      // A directory that stands for a long path is in a public place: it must be ours before we talk to what is in it.
      if (replaced) options.files.makePrivateDirectory(directory);
      const reading = new SocketReading();
      return await connected(createConnection({ path, onread: reading.onread }), reading, wanted, timeoutMs);
    },
  };
}

/** host:port, as in links.json; an IPv6 address in brackets. */
function printAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A listener on all interfaces sees IPv4 callers in their IPv6 form. */
function plain(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}

function makeServer(onConnection: (connection: Connection) => void, remote: (socket: Socket) => string): Server {
  const options = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, pauseOnConnect: true };
  return createServer(options, (accepted) => {
    const reading = new SocketReading();
    const socket = readAccepted(accepted, reading);
    onConnection(new TcpConnection(socket, reading, remote(socket)));
  });
}

function listener(server: Server, address: string, port: number): Listener {
  return {
    address,
    port,
    close: async () => {
      // Its callback would wait for the connections taken, which are not this listener's any more.
      server.close();
    },
  };
}

async function bind(
  server: Server,
  where: { readonly port: number; readonly host?: string } | { readonly path: string },
  name: string,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenFault(error, name)));
    server.once('listening', () => {
      // What may come later (too many open files) concerns one connection; the listener lives on.
      server.removeAllListeners('error').on('error', () => {});
      resolve();
    });
    if ('path' in where) listenOwnerOnly(server, where.path);
    else server.listen(where);
  });
}

/** The file gets mode 0600 as it is made: binding happens inside this call, and so does the mask. */
function listenOwnerOnly(server: Server, path: string): void {
  const mask = process.umask(0o177);
  try {
    server.listen({ path });
  } finally {
    process.umask(mask);
  }
}

function listenFault(error: NodeJS.ErrnoException, name: string): Error {
  if (error.code === 'EADDRINUSE') {
    return new AddressInUseError(`${name} is in use by another program; stop it or choose another port`, {
      cause: error,
    });
  }
  const why =
    error.code === 'EADDRNOTAVAIL'
      ? 'this host does not have the address'
      : error.code === 'EACCES'
        ? 'this user may not listen there'
        : error.message;
  return new AddressUnavailableError(`cannot listen on ${name}: ${why}`, { cause: error });
}

async function removeStale(path: string, files: LocalSocketFiles): Promise<void> {
  const answer = await new Promise<'alive' | 'stale' | 'missing'>((resolve) => {
    const socket = createConnection({ path });
    socket.setTimeout(STALE_CHECK_MS, () => settle('alive'));
    socket.once('connect', () => settle('alive'));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // EAGAIN is a listener whose queue is full. Anything that is no answer at all is left to the removal to judge.
      settle(error.code === 'ENOENT' ? 'missing' : error.code === 'EAGAIN' ? 'alive' : 'stale');
    });
    const settle = (found: 'alive' | 'stale' | 'missing'): void => {
      socket.destroy();
      resolve(found);
    };
  });
  if (answer === 'alive')
    throw new AddressInUseError(`${path} is in use: another process serves it; stop that one first`);
  if (answer === 'stale') files.removeSocket(path);
}

async function connected(socket: Socket, reading: SocketReading, name: string, timeoutMs: number): Promise<Connection> {
  return await new Promise<Connection>((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void => {
      clearTimeout(deadline);
      socket.destroy();
      reject(new UnreachableError(`cannot reach ${name}: ${why}`, { cause }));
    };
    const deadline = setTimeout(() => fail(`no answer in ${timeoutMs} ms`), timeoutMs);
    socket.on('error', (error: NodeJS.ErrnoException) => fail(dialFault(error), error));
    socket.once('connect', () => {
      clearTimeout(deadline);
      socket.removeAllListeners('error');
      resolve(new TcpConnection(socket, reading, name));
    });
  });
}

const DIAL_FAULTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOENT: 'nothing listens there',
  EACCES: 'this user may not connect to it',
  ENOTFOUND: 'no host of that name is known',
  EAI_AGAIN: 'the name service does not answer',
  EHOSTUNREACH: 'no way to the host',
  ENETUNREACH: 'no way to its network',
  ETIMEDOUT: 'no answer',
  ECONNRESET: 'reset by the other side',
  EADDRNOTAVAIL: 'this host does not have the address it is to dial from',
};

function dialFault(error: NodeJS.ErrnoException): string {
  return DIAL_FAULTS[error.code ?? ''] ?? error.message;
}

function sourceAddress(own: string | undefined, target: string): string | null {
  if (own === undefined || isIP(own) === 0 || isIP(target) !== isIP(own)) return null;
  return isLoopback(own) && !isLoopback(target) ? null : own;
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
