/** What is no request of an operator is refused in a sentence, whatever it is. */
import { expect, test } from '@jest/globals';
import { checkRequest } from '../../src/instance/control-server.ts';

test.each([
  ['a command', { type: 'assess', command: { toString: 1 } }, /there is no command \{"toString":1\}/],
  ['a command to perform', { type: 'perform', command: { toString: 1 } }, /there is no command \{"toString":1\}/],
  ['a type', { type: { toString: 1 } }, /there is no request \{"toString":1\}/],
  ['no type', {}, /there is no request without a name/],
])('%s that cannot be text is refused', (_what, said, text) => {
  expect(checkRequest(said)).toMatchObject({ ok: false, refusal: { text: expect.stringMatching(text) } });
});
