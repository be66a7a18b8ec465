/** What a number is worth nothing without: the machine, its versions, and what else it does just now. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

export function machine() {
  return {
    at: new Date().toISOString(),
    processors: `${cpus().length} x ${cpus()[0].model.trim()}`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    system: systemName(),
    node: process.version,
    load: loadavg().map((load) => Number(load.toFixed(2))),
  };
}

function systemName() {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? process.platform;
  } catch {
    return process.platform;
  }
}

/** Version of a Debian package, or null when it is not installed. */
export function packageVersion(name) {
  try {
    const text = execFileSync('dpkg-query', ['-s', name], { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
    return /^Status: .* installed$/m.test(text) ? /^Version: (.*)$/m.exec(text)[1] : null;
  } catch {
    return null;
  }
}

/** As root on Debian; everything else is the operator's business. */
export function installPackages(names) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('apt-get', ['install', '-y', '--no-install-recommends', ...names], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env,
  });
}

export function describeMachine({ processors, memoryGiB, system, kernel, node, load, at }) {
  return `${processors}, ${memoryGiB} GiB, ${system}, Linux ${kernel}, Node ${node}; load ${load.join(' ')} at ${at}`;
}
