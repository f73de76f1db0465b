/** The I2C bus of a board without chips on it: nothing answers. The shape is `embedded:io/smbus`. Not here: a chip. */
export default class SMBus {
  private readonly address: number;

  constructor(options: { data: number; clock: number; address: number; hz: number }) {
    this.address = options.address;
  }

  readUint8(_register: number): number {
    throw new Error("no answer from address " + this.address);
  }

  writeUint8(_register: number, _value: number): void {
    throw new Error("no answer from address " + this.address);
  }
}
