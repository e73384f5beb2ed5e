convert in.bin
