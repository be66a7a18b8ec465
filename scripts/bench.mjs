/**
 * What the mirror does on this machine. Without options a lab is measured; `--peers` puts every promise about speed beside
 * what people use today; `--growth` shows how the cost grows, `--asyncs` what asyncs cost. All of it in temporary directories, all processes ended.
 */
import { parseArgs } from 'node:util';
import { measureAsyncs, printAsyncs } from './bench/asyncs.mjs';
import { measureGrowth, printGrowth } from './bench/growth.mjs';
import { isInterrupted } from './bench/interrupt.mjs';
import { measureLab, printLab } from './bench/lab.mjs';
import { describeMachine, machine } from './bench/machine.mjs';
import { comparePeers, printTable, rowNames } from './bench/peers.mjs';
import { requireBuilt } from './lab-tools.mjs';

const usage = `usage: npm run bench -- [--json] [--seconds N]
       npm run bench -- --peers [redis|postgresql|gtm|lmdb|node|own] [--only ROW,...] [--turns N] [--install]
       npm run bench -- --growth [--only PART,...]
       npm run bench -- --asyncs [--only PART,...] [--turns N]

  --seconds N   time of each run of durable SETs (default 2)
  --turns N     alternations of ours and the peer (default 5)
  --install     apt-get install what is missing of the peers (root, Debian); else such rows say so
  --json        one document, progress on standard error

rows: ${rowNames()}`;

const { values, positionals } = parse();

await main().catch((error) => {
  if (isInterrupted()) return;
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
});

async function main() {
  if (values.help) return console.log(usage);
  requireBuilt();
  const seconds = Number(values.seconds);
  const tell = (text, isProgress = false) => {
    if (process.stderr.isTTY || !isProgress) console.error(text);
  };
  if (values.peers) {
    const result = await comparePeers({
      peer: positionals[0],
      only: values.only,
      seconds,
      alternations: Number(values.turns),
      install: values.install,
      tell,
    });
    print(result, printTable(result));
  } else if (values.asyncs) {
    const turns = Number(values.turns);
    const result = await measureAsyncs({ only: values.only, seconds, turns, tell });
    print(result, printAsyncs(result));
  } else if (values.growth) {
    const result = await measureGrowth({ only: values.only, tell });
    print(result, printGrowth(result));
  } else {
    const where = machine();
    const results = await measureLab(seconds);
    print({ machine: where, results }, `${describeMachine(where)}\n\n${printLab(results)}`);
  }
}

function print(document, text) {
  console.log(values.json ? JSON.stringify(document, null, 2) : `\n${text}`);
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        peers: { type: 'boolean', default: false },
        asyncs: { type: 'boolean', default: false },
        growth: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        install: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        only: { type: 'string' },
        seconds: { type: 'string', default: '2' },
        turns: { type: 'string', default: '5' },
      },
    });
  } catch (error) {
    console.error(`${error.message}\n${usage}`);
    process.exit(2);
  }
}
