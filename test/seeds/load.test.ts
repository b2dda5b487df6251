import { runCases } from './case.js';
import { load } from './load-cases.js';

runCases(load);
