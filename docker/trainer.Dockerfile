# The Trainer, by whose verb a container is told apart: starter, serve or work. With --build-arg MOSS_CUDA=true for an NVIDIA GPU.
FROM mcr.microsoft.com/dotnet/sdk:10.0-noble AS build
ARG MOSS_CUDA=false
WORKDIR /source
COPY Directory.Build.props Directory.Packages.props global.json .editorconfig BannedSymbols.txt ./
COPY build build
COPY src/Moss.Data src/Moss.Data
COPY src/Moss.Model src/Moss.Model
COPY src/Moss.Trainer src/Moss.Trainer
RUN dotnet publish src/Moss.Trainer/Moss.Trainer.csproj -c Release -o /app -p:MossCuda=$MOSS_CUDA

FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble
WORKDIR /app
COPY --from=build /app .
COPY samples samples
# A new volume takes the owner of the folder it is mounted on.
RUN install -d -o $APP_UID -g $APP_UID /var/lib/moss/checkpoints /var/lib/moss/state
ENV MOSS_HOME=/app MOSS_STATE=/var/lib/moss/state MOSS_CHECKPOINTS=/var/lib/moss/checkpoints MALLOC_ARENA_MAX=2
USER $APP_UID
EXPOSE 5081 5082
ENTRYPOINT ["dotnet", "Moss.Trainer.dll"]
