import main from '../../jest.config.mjs';

/** Real terminals: not part of `npm test`, one file after the other so that they do not slow each other. */
export default {
  ...main,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/terminal/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  globalSetup: '<rootDir>/test/fixtures/own-programs.mjs',
  testTimeout: 90_000,
  maxWorkers: 1,
  // Programs of the machine are over by then; a socket that lingers must not keep the runner.
  forceExit: true,
};
