/** Prints the one line by which a script reads the outcome of a test run. */
export default class ClosingLine {
  onRunComplete(_contexts, results) {
    console.log(
      `${results.numPassedTests} passed, ${results.numFailedTests} failed, ${results.numPendingTests} skipped`,
    );
  }
}
