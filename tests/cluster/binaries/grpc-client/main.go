// grpc-client calls a server again and again with one message, and tells how the calls ended.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
)

// told is how calls ended: how many with which code, the last answer and the last text of an error.
type told struct {
	Codes   map[string]int `json:"codes"`
	Answer  []byte         `json:"answer"`
	Message string         `json:"message"`
}

type asBytes struct{}

func (asBytes) Name() string                  { return "proto" }
func (asBytes) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (asBytes) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

func main() {
	address := flag.String("address", "", "where the server is")
	method := flag.String("method", "", "path of the call")
	body := flag.String("body", "", "file with the message")
	calls := flag.Int("calls", 1, "how many")
	callers := flag.Int("callers", 1, "at a time, over one connection")
	timeout := flag.Duration("timeout", time.Minute, "of a call, told to the server")
	cancel := flag.Duration("cancel", 0, "after which calls are given up, without the server knowing before")
	packed := flag.Bool("gzip", false, "whether messages are packed")
	flag.Parse()
	request, err := os.ReadFile(*body)
	if err != nil {
		log.Fatal(err)
	}
	options := []grpc.CallOption{grpc.ForceCodec(asBytes{}), grpc.MaxCallSendMsgSize(1 << 30), grpc.MaxCallRecvMsgSize(1 << 30)}
	if *packed {
		options = append(options, grpc.UseCompressor("gzip"))
	}
	client, err := grpc.NewClient("passthrough:///"+*address,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(options...))
	if err != nil {
		log.Fatal(err)
	}
	result := told{Codes: map[string]int{}}
	var running sync.WaitGroup
	var lock sync.Mutex
	left := make(chan struct{}, *calls)
	for range *calls {
		left <- struct{}{}
	}
	close(left)
	for range *callers {
		running.Go(func() {
			for range left {
				answer, err := call(client, *method, request, *timeout, *cancel)
				lock.Lock()
				result.Codes[status.Code(err).String()]++
				if err != nil {
					result.Message = status.Convert(err).Message()
				} else {
					result.Answer = answer
				}
				lock.Unlock()
			}
		})
	}
	running.Wait()
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		log.Fatal(err)
	}
}

func call(client *grpc.ClientConn, method string, request []byte, timeout, cancel time.Duration) ([]byte, error) {
	limited, done := context.WithTimeout(context.Background(), timeout)
	defer done()
	if cancel > 0 {
		time.AfterFunc(cancel, done)
	}
	var answer []byte
	err := client.Invoke(limited, method, &request, &answer)
	return answer, err
}
