/** How every program of the command line ends. Scripts rely on these numbers. */
export const EXIT = {
  done: 0,
  /** Refused or failed; the reason stands in one line on standard error. */
  refused: 1,
  usage: 2,
  /** Piped answers ended, or one did not fit, in the middle of an action, which was abandoned. */
  answers: 3,
  /** Instance, agent or mirror not reachable. */
  notReachable: 4,
  /** The outcome is unknown; the line says how to find out. */
  unknown: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
