package main

import (
	"context"
	"encoding/json"
	"os"
	"sort"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const method = "/inference.GRPCInferenceService/ModelInfer"

// told is what a run is told as: latencies are in microseconds.
type told struct {
	Requests  int     `json:"requests"`
	Seconds   float64 `json:"seconds"`
	Errors    int     `json:"errors"`
	LastError string  `json:"last_error"`
	P50       float64 `json:"p50_us"`
	P99       float64 `json:"p99_us"`
}

type caller struct {
	latencies []time.Duration
	errors    int
	last      string
}

// load keeps `callers` calls under way over `connections`, each caller sending its next call after its last answer.
func load(address string, request []byte, connections, callers int, seconds float64) error {
	clients := make([]*grpc.ClientConn, connections)
	for i := range clients {
		client, err := grpc.NewClient("passthrough:///"+address,
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.ForceCodec(asBytes{})))
		if err != nil {
			return err
		}
		clients[i] = client
	}
	all := make([]caller, callers)
	start := time.Now()
	end := start.Add(time.Duration(seconds * float64(time.Second)))
	var running sync.WaitGroup
	for i := range all {
		running.Go(func() { all[i].call(clients[i%connections], request, end) })
	}
	running.Wait()
	return json.NewEncoder(os.Stdout).Encode(summed(all, time.Since(start)))
}

func (c *caller) call(client *grpc.ClientConn, request []byte, end time.Time) {
	for {
		sent := time.Now()
		if sent.After(end) {
			return
		}
		var answer []byte
		if err := client.Invoke(context.Background(), method, &request, &answer); err != nil {
			c.errors, c.last = c.errors+1, err.Error()
			continue
		}
		c.latencies = append(c.latencies, time.Since(sent))
	}
}

func summed(all []caller, took time.Duration) told {
	result := told{Seconds: took.Seconds()}
	var latencies []time.Duration
	for _, one := range all {
		latencies = append(latencies, one.latencies...)
		result.Errors += one.errors
		if one.last != "" {
			result.LastError = one.last
		}
	}
	sort.Slice(latencies, func(i, j int) bool { return latencies[i] < latencies[j] })
	result.Requests = len(latencies)
	if len(latencies) > 0 {
		result.P50 = float64(latencies[len(latencies)/2].Nanoseconds()) / 1e3
		result.P99 = float64(latencies[len(latencies)*99/100].Nanoseconds()) / 1e3
	}
	return result
}
