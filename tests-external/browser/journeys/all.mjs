import { journeys as brand } from './brand.mjs';
import { journeys as developer } from './developer.mjs';
import { journeys as hostile } from './hostile.mjs';
import { journeys as languages } from './languages.mjs';
import { journeys as operator } from './operator.mjs';
import { journeys as owner } from './owner.mjs';
import { journeys as trouble } from './trouble.mjs';
import { journeys as visitor } from './visitor.mjs';

export const journeys = [...visitor, ...owner, ...developer, ...operator, ...trouble, ...languages, ...brand, ...hostile];
