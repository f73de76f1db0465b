/** The operating system's random numbers, in place of hal/moddable/random.ts. */
export { random } from "hal/boards/lin/host";
