import main from '../../jest.config.mjs';

/** Real processes and real time: not part of `npm test`, two files at a time, since they wait more than they work. */
export default {
  ...main,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/cluster/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  globalSetup: '<rootDir>/test/fixtures/own-programs.mjs',
  testTimeout: 150_000,
  maxWorkers: 2,
  // Programs of the machine are over by then; a socket that lingers must not keep the runner.
  forceExit: true,
};
