/**
 * Zod compiles no parsers: pages forbid it, and browsers report the attempt.
 *
 * The kit sets the same once an App is made, but schemas try as soon as they are defined. So this is imported first.
 */
import { config } from "zod/v4/core";

config({ jitless: true });
