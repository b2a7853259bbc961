// h2spec runs the cases of github.com/summerwind/h2spec against a port of loopback, the strict ones too.
package main

import (
	"flag"
	"log"
	"os"
	"time"

	"github.com/summerwind/h2spec"
	"github.com/summerwind/h2spec/config"
)

func main() {
	port := flag.Int("port", 0, "where the server is")
	patience := flag.Duration("timeout", 5*time.Second, "of a case")
	flag.Parse()
	passed, err := h2spec.Run(&config.Config{
		Host: "127.0.0.1", Port: *port, Path: "/", Timeout: *patience, MaxHeaderLen: 4000, Strict: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	if !passed {
		os.Exit(1)
	}
}
