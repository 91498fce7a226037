package main

import (
	"context"
	"errors"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
)

const (
	grpcMaxMessage = 8 << 20
	grpcWindow     = 16 << 20 // holds the large bodies in flight; the default of 64 KiB would be slower
	grpcEcho       = "/bench.Bench/Echo"
)

func grpcDirect() system {
	return system{
		name: "grpc", note: "direct over a unix socket, without a broker: one hop each way where the others make two",
		server: grpcServe, client: grpcClient,
	}
}

// rawCodec passes byte slices through.
type rawCodec struct{}

func (rawCodec) Name() string { return "raw" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	body, ok := v.(*[]byte)
	if !ok {
		return nil, errors.New("raw codec: not a byte slice")
	}
	return mem.BufferSlice{mem.SliceBuffer(*body)}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	body, ok := v.(*[]byte)
	if !ok {
		return errors.New("raw codec: not a byte slice")
	}
	*body = data.Materialize()
	return nil
}

func grpcHandle(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	body := new([]byte)
	if err := decode(body); err != nil {
		return nil, err
	}
	return body, nil
}

func grpcServe(ctx context.Context, s spec, ready func()) error {
	listener, err := net.Listen("unix", socketOf(s, roleServer))
	if err != nil {
		return err
	}
	srv := grpc.NewServer(grpc.ForceServerCodecV2(rawCodec{}), grpc.MaxRecvMsgSize(grpcMaxMessage),
		grpc.InitialWindowSize(grpcWindow), grpc.InitialConnWindowSize(grpcWindow))
	srv.RegisterService(&grpc.ServiceDesc{
		ServiceName: "bench.Bench", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Echo", Handler: grpcHandle}},
	}, struct{}{})
	stop := context.AfterFunc(ctx, srv.Stop)
	defer stop()
	ready()
	if err := srv.Serve(listener); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// grpcLink is a client's connection.
type grpcLink struct{ cc *grpc.ClientConn }

func grpcClient(_ context.Context, s spec) (client, error) {
	cc, err := grpc.NewClient("unix:"+socketOf(s, roleServer),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithInitialWindowSize(grpcWindow), grpc.WithInitialConnWindowSize(grpcWindow),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{}), grpc.MaxCallRecvMsgSize(grpcMaxMessage)))
	return grpcLink{cc}, err
}

func (g grpcLink) close() error { return g.cc.Close() }

func (g grpcLink) load(ctx context.Context, l load) (timing, error) {
	body := newBody(l.bytes())
	return callers(ctx, l, func(ctx context.Context) error {
		var rep []byte
		if err := g.cc.Invoke(ctx, grpcEcho, &body, &rep); err != nil {
			return err
		}
		return sameBody(body, rep)
	})
}
