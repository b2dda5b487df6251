import { runCases } from './case.js';
import { guide } from './guide-cases.js';

runCases(guide);
