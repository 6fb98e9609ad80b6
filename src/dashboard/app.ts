/** The page: what comes from the stream goes into the fleet, and what is in sight is drawn from it. */
import { Dashboard } from './dashboard.js';

const dashboard = new Dashboard();
void dashboard.start();
