/** Published results of HalfSipHash-2-4 with 64 bits for the octets 0, 1, 2, …, by how many there are; key 00 to 07. */
export const VECTORS: [number, string][] = [
  [0, "218d1f59b9b83cc8"],
  [1, "be552412f8387315"],
  [3, "ce0f1a45f7060679"],
  [4, "d5e78a175be52ea1"],
  [8, "edfee820bce4858c"],
  [15, "217d0bcb4e81c902"],
  [16, "7336aad25f7bf3b5"],
  [63, "2ea63c71bf326087"],
];
