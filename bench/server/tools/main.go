// Constant-answer servers, the ceiling of what any server on one core could reach with the same load generators, and
// load over gRPC with messages that are serialised already.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("give a command: http, grpc or load"))
	}
	command, flags := os.Args[1], flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	address := flags.String("address", "127.0.0.1:0", "where to listen, or whom to load")
	body := flags.String("body", "", "file with the answer, or with the request to send")
	connections := flags.Int("connections", 4, "connections of the load")
	callers := flags.Int("callers", 16, "calls under way at a time")
	seconds := flags.Float64("seconds", 1, "length of the load")
	_ = flags.Parse(os.Args[2:])
	content, err := os.ReadFile(*body)
	if err != nil {
		fail(err)
	}
	switch command {
	case "http":
		err = serveHTTP(*address, content)
	case "grpc":
		err = serveGRPC(*address, content)
	case "load":
		err = load(*address, content, *connections, *callers, *seconds)
	default:
		err = fmt.Errorf("unknown command %q: give http, grpc or load", command)
	}
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench tools:", err)
	os.Exit(1)
}
