/** What was brought up is taken down too when somebody interrupts a measurement. */
const works = new Set();
let interrupted = false;

/** From then on failures of measurements under way mean nothing. */
export function isInterrupted() {
  return interrupted;
}

/** `down` runs at SIGINT and SIGTERM, until the function returned is called. */
export function atInterrupt(down) {
  works.add(down);
  return () => works.delete(down);
}

// Not `once`: execa would take a signal that nobody listens to any more for the end of this process.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => void takeAllDown());

async function takeAllDown() {
  if (interrupted) return;
  interrupted = true;
  console.error('bench: interrupted, taking everything down');
  for (const down of [...works].reverse()) await down().catch((error) => console.error(error.message));
  process.exit(130);
}
