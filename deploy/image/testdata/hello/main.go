// Command hello stands for a program in a test of images.
package main

import (
	"fmt"
	"os"
)

func main() { fmt.Println("hello as", os.Getuid()) }
