import { TestScheduler, type RunHelpers } from 'rxjs/testing';
import * as assert from 'uvu/assert';

/** A test drawn in marbles: `test('…', marbles(({ cold, expectObservable }) => { … }))`. Time is virtual, 1 ms a frame. */
export const marbles =
  (draw: (drawing: RunHelpers, scheduler: TestScheduler) => void): (() => void) =>
  () => {
    const scheduler = new TestScheduler((actual, expected) => assert.equal(actual, expected));
    scheduler.run((drawing) => draw(drawing, scheduler));
  };
