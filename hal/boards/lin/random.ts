/** The operating system's random numbers, in the place of hal/moddable/random.ts. */
export { random } from "hal/boards/lin/host";
