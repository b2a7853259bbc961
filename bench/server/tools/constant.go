package main

import (
	"net"

	"github.com/valyala/fasthttp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
)

func serveHTTP(address string, answer []byte) error {
	server := &fasthttp.Server{
		MaxRequestBodySize: 64 << 20,
		Handler: func(context *fasthttp.RequestCtx) {
			context.SetContentType("application/json")
			context.SetBody(answer)
		},
	}
	return server.ListenAndServe(address)
}

// asBytes is a codec that leaves messages as they are.
type asBytes struct{}

func (asBytes) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }

func (asBytes) Unmarshal(content []byte, message any) error {
	*message.(*[]byte) = append([]byte(nil), content...)
	return nil
}

func (asBytes) Name() string { return "proto" }

func serveGRPC(address string, answer []byte) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	encoding.RegisterCodec(asBytes{})
	constant := func(_ any, stream grpc.ServerStream) error {
		var request []byte
		if err := stream.RecvMsg(&request); err != nil {
			return err
		}
		return stream.SendMsg(&answer)
	}
	return grpc.NewServer(grpc.UnknownServiceHandler(constant)).Serve(listener)
}
