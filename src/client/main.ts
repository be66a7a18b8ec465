/**
 * The client library with the real network, for applications that run by themselves. Programs that have a network of
 * their own import client.ts.
 */
import { createTcpNetwork } from '../network/tcp-network.ts';
import { type Client, type ConnectOptions, connect } from './client.ts';

export { decodeKey, encodeKey, type GlobalReference } from '../protocol/global-key.ts';
export { parseReference, printReference } from '../protocol/global-reference.ts';
export * from './client.ts';

/** A client listens nowhere, so it needs no place for sockets. */
const network = createTcpNetwork({ files: { makePrivateDirectory: () => {}, removeSocket: () => {} } });

/** @throws MirrorUnreachableError when no member answers as needed until the timeout. */
export function connectToMirror(options: Omit<ConnectOptions, 'network'>): Promise<Client> {
  return connect({ ...options, network });
}
