import { journeys as hostile } from './hostile.mjs';
import { journeys as trouble } from './trouble.mjs';
import { journeys as visitor } from './visitor.mjs';

export const journeys = [...visitor, ...trouble, ...hostile];
