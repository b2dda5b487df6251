import { runCases } from './case.js';
import { practices } from './practices-cases.js';

runCases(practices);
