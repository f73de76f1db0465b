/** Takes the place of the SDK's set-up modules, which start Wi-Fi and codec themselves: machine.ts does both. */
export default function setup(done?: () => void): void {
  if (done !== undefined) done();
}
